"""The store on MongoDB, over PyMongo's asynchronous client."""
