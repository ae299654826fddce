"""Operate a deployment: doctor, database, audit trail, routing and scoring by hand."""
