"""Registration files: from a manifest, a folder or a bucket listing to the JSON that Encord registers objects by.

Nothing here knows the network or the platform's sessions; of the SDK only its payload models are used.
"""
