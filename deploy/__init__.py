"""Deployments of flowatlas."""
