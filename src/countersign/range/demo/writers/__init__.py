"""Writers of real log formats: fields in, lines as the product writes them out."""
