"""The record: alerts, cases, observables, devices, people, the timeline."""
