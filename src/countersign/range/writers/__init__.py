"""Writers of real log formats: values in, lines as the product writes them out."""
