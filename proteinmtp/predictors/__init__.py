"""What predicts structures: trained runs, nulls, comparators; the catalogue of parts; from predictions to traces."""
