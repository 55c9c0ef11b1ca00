"""What a recipe may say: closed, frozen Pydantic models. Nothing here opens an image or knows a plan."""
