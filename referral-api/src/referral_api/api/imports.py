"""Reading a file that a school's system exported, no more of it than is allowed."""

from chassis.errors import Malformed, TooLarge, UnsupportedMediaType
from fastapi import Request


async def read_csv(request: Request, *, most_bytes: int) -> str:
    """The text of a CSV body. Raises `TooLarge` as soon as it is, whatever Content-Length says."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the file uncompressed.")
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() != "text/csv" or ("charset" in parameters.lower() and "utf-8" not in parameters.lower()):
        raise UnsupportedMediaType("Send Content-Type: text/csv, in UTF-8.")
    refused = TooLarge(f"The file is larger than {most_bytes // 1024} kB; send it in parts.")
    # Parsed by the server, so it is a number; not waited for when it says that it is too much.
    if int(request.headers.get("content-length", "0")) > most_bytes:
        raise refused
    data = bytearray()
    async for chunk in request.stream():
        if len(data) + len(chunk) > most_bytes:
            raise refused
        data += chunk
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("The file is not UTF-8. Export it as 'CSV UTF-8'.") from error
