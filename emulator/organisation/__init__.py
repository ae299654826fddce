"""The organisation: its people, groups, tags, cloud integrations and metadata schema."""
