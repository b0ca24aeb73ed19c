"""The API of this app: logins, people, and what they are told."""
