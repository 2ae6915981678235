"""Pure diffusion mathematics in torch: schedules, denoisers, samplers, likelihood.

Everything meets in the denoiser, a callable ``(x (n, D), sigma (n,)) -> (n, D)`` that
returns E[x0 | x0 + sigma * eps = x]. Nothing here knows where a denoiser came from.
"""
