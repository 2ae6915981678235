"""Small helpers that know nothing of diffusion."""
