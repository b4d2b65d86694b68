"""A simulated company and its week: people, devices, ordinary days, three stories, and the logs of it all."""
