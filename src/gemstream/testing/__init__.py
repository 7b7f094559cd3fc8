"""The test kit: a pytest plugin with which any project tests its Gemini code without a key."""
