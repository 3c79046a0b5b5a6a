"""What predicts structures: trained runs, nulls, comparators; the catalogue of parts; and the way from a prediction to a trace."""
