"""Compression on the way out, for every content coding: what `middleware.compression` and `middleware.gzip` share.

`rules` decides, `coders` make bytes, `responder` takes one response's messages, `serving` serves one request.
"""
