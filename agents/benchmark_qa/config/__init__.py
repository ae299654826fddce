"""The settings of the service, validated at start-up. An error names the setting."""
