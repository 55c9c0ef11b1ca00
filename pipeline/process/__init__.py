"""Operations on one image. `OPERATIONS` names each one's function: ``(Image, <its model>) -> Image``."""
