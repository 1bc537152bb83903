"""The sequence language: steps with limits, retries and a cleanup that always runs, compiled to a chart."""
