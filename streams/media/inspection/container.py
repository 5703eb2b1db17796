"""Open a media file with PyAV and describe its streams. Runs in a process with limits.

Only demuxers of this module's list read a file, chosen by its content. None of them opens other files or connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from headrace.streams.media.info import MAX_PIXELS, MediaInfo, MediaKind

_TIMED = (
    "aac,ac3,ac4,adx,aiff,amr,ape,aptx,asf,asf_o,au,av1,avi,bink,caf,cavsvideo,daud,dhav,dirac,dnxhd,dsf,dts,dtshd,dv,"
    "eac3,evc,flac,flic,flv,gif,gsm,gxf,h261,h263,h264,hevc,iamf,iff,ircam,ivf,ivr,loas,lvf,m4v,matroska,mjpeg,mlp,mov,"
    "mp3,mpc,mpc8,mpeg,mpegts,mpegvideo,mpjpeg,mxf,nistsphere,nsv,nut,nuv,obu,ogg,oma,pva,pvf,qcp,r3d,rm,roq,rso,sds,"
    "shn,smjpeg,smk,sox,spdif,swf,tak,truehd,tta,ty,vc1,vivo,voc,vqf,vvc,w64,wav,wsd,wtv,wv,xa,xmv,xwma,yuv4mpegpipe"
)
_PICTURES = (
    "apng,bmp_pipe,dds_pipe,dpx_pipe,exr_pipe,hdr_pipe,ico,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,jpegxl_anim,"
    "pam_pipe,pbm_pipe,pcx_pipe,pfm_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,qoi_pipe,sgi_pipe,sunrast_pipe,tiff_pipe,"
    "webp_pipe,xwd_pipe"
)
_ESTIMATED = "Estimating duration from bitrate"
_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@dataclass(frozen=True, slots=True)
class Media:
    """An open file and its first moving picture and sound, without cover pictures.

    Times are in seconds from `start`. `length` is None if the file does not say where it ends.
    """

    container: InputContainer
    video: VideoStream | None
    audio: AudioStream | None
    start: float
    duration: float | None
    length: float | None

    @property
    def streams(self) -> list[VideoStream | AudioStream]:
        """Return the streams that are decoded."""
        return [stream for stream in (self.video, self.audio) if stream is not None]

    @property
    def format(self) -> str:
        """Return the name of the demuxer."""
        return self.container.format.name

    @property
    def is_picture(self) -> bool:
        """Return whether a demuxer for pictures reads the file."""
        return self.format in _PICTURES.split(",")


@contextmanager
def opened(file: FileIO, hint: str = "", pictures: bool = False) -> Iterator[Media]:
    """Open a file with the demuxer that recognises the content, or else with the demuxer `hint`.

    Raises:
        av.FFmpegError: No demuxer reads the file.
    """
    with av.logging.Capture() as messages, _open(file, hint, pictures) as container:
        yield _media(container, any(text.startswith(_ESTIMATED) for _, _, text in messages))


def _open(file: FileIO, hint: str, pictures: bool) -> InputContainer:
    options = {
        "format_whitelist": f"{_TIMED},{_PICTURES}" if pictures else _TIMED,
        "protocol_whitelist": "none",
        "max_pixels": str(MAX_PIXELS),
        "threads": "1",
    }
    file.seek(0)
    try:
        return av.open(file, mode="r", options=options, metadata_errors="replace")
    except av.FFmpegError:
        if not hint:
            raise
        file.seek(0)
        return av.open(file, mode="r", format=hint, options=options, metadata_errors="replace")


def _media(container: InputContainer, estimated: bool) -> Media:
    video = next((each for each in container.streams.video if _is_moving(each)), None)
    audio = next((each for each in container.streams.audio if each.codec_context is not None), None)
    for stream in (video, audio):
        if stream is not None:
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS), "threads": "1"}
    duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
    start = (container.start_time or 0) / av.time_base
    return Media(container, video, audio, start, duration, None if estimated else duration)


def _is_moving(stream: VideoStream) -> bool:
    return stream.codec_context is not None and not stream.disposition & _STILL


def describe(media: Media, rotation: int) -> MediaInfo:
    """Return the metadata of an open file whose pictures are turned by `rotation` degrees for display."""
    video, audio = media.video, media.audio
    kind: MediaKind = "video" if video else "audio"
    width, height = _displayed_size(video, rotation) if video else (None, None)
    return MediaInfo(
        kind=kind,
        format=media.format,
        duration_seconds=media.duration,
        width=width,
        height=height,
        frame_rate=round(float(video.average_rate), 2) if video and video.average_rate else None,
        video_codec=video.codec_context.codec.canonical_name if video else None,
        audio_codec=audio.codec_context.codec.canonical_name if audio else None,
        bit_rate=media.container.bit_rate or None,
    )


def _displayed_size(video: VideoStream, rotation: int) -> tuple[int, int]:
    """Return the displayed size: with square pixels and rotation applied."""
    width, height = video.codec_context.width, video.codec_context.height
    if video.sample_aspect_ratio:
        width = max(1, round(width * video.sample_aspect_ratio))
    return (height, width) if 45 < abs(rotation) % 180 < 135 else (width, height)
