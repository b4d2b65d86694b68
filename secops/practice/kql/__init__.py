"""The small part of Kusto's query language that the simulated hunting takes, really evaluated."""
