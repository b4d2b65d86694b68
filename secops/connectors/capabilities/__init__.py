"""What a connector may be able to do: small typed protocols with plain value objects, a module a theme.

A question or an action names a capability, never a product. Times are aware datetimes in UTC, sizes bytes,
durations seconds. A method answers None or an empty list when the source holds nothing, raises SourceRefused when
the source says no (rights, licence, bad query), SourceLimited when it says later, and HttpError for the rest.
"""
