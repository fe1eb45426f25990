"""The settings that every process shares, read from `JOINTLY_…` variables. No secret has a default."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a process needs to know of the house. Services with settings of their own subclass this."""

    model_config = SettingsConfigDict(env_prefix="JOINTLY_", frozen=True, extra="ignore")

    env: Literal["development", "production"] = "development"
    #: Folder for everything that the embedded default keeps.
    state: Path = Path(".jointly")
    port: int = 8000
    #: The one origin under which all services are reached; also the audience of access tokens.
    origin: str | None = None
    #: An administrator's URL; services connect with their own roles. Absent: the embedded PostgreSQL.
    database_url: SecretStr | None = None
    #: Where the roles' passwords are derived from. Absent in development: made once, kept in the state folder.
    roles_secret: SecretStr | None = None
    #: `host:port,…`. Absent: the embedded event log.
    kafka_bootstrap: str | None = None
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_cafile: Path | None = None
    #: Whose tokens are believed. Absent: the development issuer.
    issuer: str | None = None
    jwks_url: str | None = None
    smtp_url: SecretStr | None = None
    #: Folder of real reference data (schools, postcodes). Absent: the synthetic county.
    reference_data: Path | None = None
    log_level: str = "INFO"

    @property
    def audience(self) -> str:
        """The `aud` that access tokens must carry: this origin, exactly."""
        return self.origin or f"http://127.0.0.1:{self.port}"

    @property
    def believed_issuer(self) -> str:
        """The `iss` that access tokens must carry."""
        return self.issuer or self.audience
