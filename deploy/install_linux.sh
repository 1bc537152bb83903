#!/usr/bin/env bash
# Installs the gateway on Debian, Ubuntu and Raspberry Pi OS as a systemd service. Run as root from a checkout:
#   sudo deploy/install_linux.sh
# Running it again updates the program and leaves site.yaml and the data alone.
set -euo pipefail

TARGET=/opt/scaleledger
CONFIG=/etc/scaleledger
SOURCE=$(cd "$(dirname "$0")/.." && pwd)

[[ $EUID -eq 0 ]] || { echo "install_linux.sh: run it as root: sudo $0" >&2; exit 1; }

if command -v apt-get >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq python3 python3-venv make rsync >/dev/null
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "install_linux.sh: Python 3.11 or newer is needed; this is $(python3 -V)" >&2; exit 1; }

getent passwd scaleledger >/dev/null || useradd --system --home-dir /var/lib/scaleledger --shell /usr/sbin/nologin scaleledger
install -d "$TARGET"
rsync -a --delete --exclude .git --exclude .venv --exclude .uv "$SOURCE/" "$TARGET/"
make --no-print-directory -C "$TARGET" install

install -d -o scaleledger -g scaleledger -m 750 "$CONFIG" /var/lib/scaleledger
if [[ ! -e $CONFIG/site.yaml ]]; then
    install -o scaleledger -g scaleledger -m 640 "$TARGET/deploy/site.example.yaml" "$CONFIG/site.yaml"
    echo "edit $CONFIG/site.yaml, then: systemctl enable --now scaleledger"
fi
install -m 644 "$TARGET/deploy/scaleledger.service" /etc/systemd/system/scaleledger.service
if [[ -d /run/systemd/system ]]; then
    systemctl daemon-reload
    systemctl try-restart scaleledger
fi
echo "installed in $TARGET"
