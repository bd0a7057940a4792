"""Measurements, each as ratios of things that are measured side by side in one run."""
