"""What a hunt asks, in words of no product: clauses that people write, Sigma rules, and the conditions both become."""
