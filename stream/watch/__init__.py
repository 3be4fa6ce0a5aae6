"""Watches the cluster through the Kubernetes API and keeps topic `inventory` as it is."""
