"""A system that runs on real data, and the Airflow that runs it."""
