"""Settings of the Step Functions API, from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MachineApiSettings(BaseSettings):
    """The address of the API, and the account and region in ARNs."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_MACHINES_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address that the Step Functions API listens on")
    port: int = Field(default=8089, ge=0, le=65535, description="TCP port that the Step Functions API listens on")
    hosts: str = Field(default="", description="Names in the Host header, separated by commas, besides the address")
    account: str = Field(
        default="000000000000", pattern=r"^[0-9]{12}$", description="Account id in the ARNs of state machines"
    )
    region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]{1,30}$", description="Region in the ARNs of state machines"
    )


class ApiCredentials(BaseSettings):
    """The key with which calls of the API are signed: the variables of the AWS SDKs."""

    model_config = SettingsConfigDict(env_prefix="AWS_", frozen=True, extra="ignore")

    access_key_id: str = Field(description="Access key id with which calls of the Step Functions API are signed")
    secret_access_key: SecretStr = Field(description="Secret access key of the Step Functions API")
