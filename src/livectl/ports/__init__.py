"""What the services need of the outside, named for intent. Adapters implement these.

Every method of `Store` that changes something and takes an event appends that event in the same
atomic step; one that is refused by its condition changes nothing and appends nothing. All of them
raise `Unavailable` when the outside fails, with the call and the cause in the message.
"""
