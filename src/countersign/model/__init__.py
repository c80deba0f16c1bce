"""Events, hops, visits, findings and their columns. Knows nothing but `errors`."""
