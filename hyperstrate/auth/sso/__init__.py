"""Single sign-on: OpenID Connect providers, their people and their groups."""
