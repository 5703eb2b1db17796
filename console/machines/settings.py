"""Settings of the Step Functions API, from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.schemas.settings import SettingsError, load


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

    access_key_id: str = Field(
        default="", description="Access key id with which calls are signed; empty: AWS_ACCESS_KEY_ID"
    )
    secret_access_key: SecretStr = Field(
        default=SecretStr(""), description="Secret access key of that id; empty: AWS_SECRET_ACCESS_KEY"
    )


class ApiCredentials(BaseSettings):
    """The key with which calls of the API are signed, if it has none of its own: the variables of the AWS SDKs."""

    model_config = SettingsConfigDict(env_prefix="AWS_", frozen=True, extra="ignore")

    access_key_id: str = Field(description="Access key id with which calls of the Step Functions API are signed")
    secret_access_key: SecretStr = Field(description="Secret access key of the Step Functions API")


def signing_key(settings: MachineApiSettings) -> AwsCredentials:
    """Return the key with which calls of the API are signed.

    With a key of its own, the API can have the credentials of an IAM role for the results bucket.

    Raises:
        SettingsError: One of its two settings is missing, or both and a variable of the AWS SDKs.
    """
    given = settings.access_key_id, settings.secret_access_key.get_secret_value()
    if any(given):
        if not all(given):
            raise SettingsError(
                "HEADRACE_MACHINES_ACCESS_KEY_ID and HEADRACE_MACHINES_SECRET_ACCESS_KEY belong together"
            )
        return AwsCredentials(*given)
    keys = load(ApiCredentials)
    return AwsCredentials(keys.access_key_id, keys.secret_access_key.get_secret_value())
