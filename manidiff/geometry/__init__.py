"""What the rows say about the shape they lie on, before any score is learned."""
