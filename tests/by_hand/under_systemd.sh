#!/bin/sh
# Runs the unit files under a real systemd: process 1 of namespaces of its own, over a copy of this machine's files that is
# gone in the end. Needs root, cgroup 2 and systemd; takes a minute. Prints what holds, and ends with 1 at what does not.
#
#     sudo tests/by_hand/under_systemd.sh
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
home=$(readlink -f "$here/.venv/bin/python") && home=${home%/bin/*}
work=$(mktemp -d)
group=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)/rotator-by-hand
trap 'rm -rf "$work"; find "$group" -depth -type d -exec rmdir {} \;' EXIT
mkdir -p "$work/layer" "$work/out" "$group"

# The program as it would be in /opt/rotator: the units hide homes, where this one's Python may be.
cat > "$work/rotator" <<SCRIPT
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=$(echo "$here"/.venv/lib/python3*/site-packages):$here
exec /opt/python/bin/python3 -c 'import sys; from rotator.cli.main import main; sys.exit(main())' "\$@"
SCRIPT

# What is tried, as a service of that systemd.
cat > "$work/driver" <<'SCRIPT'
#!/bin/sh
exec > /out/report 2>&1
unit=/etc/systemd/system/rotator.service.d/local.conf
holds() { sentence=$1; shift; if "$@" > /out/last 2>&1; then echo "ok    $sentence"; else echo "FAIL  $sentence"; cat /out/last; journalctl -o cat -n 20; fi; }
shows() { [ "$(systemctl show -p "$1" --value rotator)" = "$2" ]; }
says() { systemctl show -p StatusText --value rotator | grep -q "$1"; }
logged() { for _ in $(seq 100); do journalctl -u rotator -o cat | grep -q "$1" && return; sleep 0.2; done; journalctl -u rotator; false; }
another() { for _ in $(seq 100); do shows NRestarts "$1" && shows ActiveState active && return; sleep 0.2; done; false; }
refused() { ! systemctl start rotator && sleep 1 && shows ExecMainStatus 2 && shows NRestarts 0 && shows ActiveState failed; }

until [ -f /srv/sim/config.yaml ]; do sleep 0.2; done
useradd --system --home-dir /var/lib/rotator --shell /usr/sbin/nologin rotator
mkdir -p /etc/rotator/secrets /var/lib/rotator "${unit%/*}" /etc/systemd/system/rotator-once.service.d
cp /srv/sim/ca.pem /etc/rotator/ && cp /srv/sim/keys/production-management.pem /etc/rotator/secrets/key.pem
cp -a /srv/sim/store /var/lib/rotator/keys && chown -R rotator: /var/lib/rotator
LD_LIBRARY_PATH=/opt/python/lib /opt/python/bin/python3 - <<'PYTHON'
import glob, sys
sys.path += glob.glob("/opt/packages/*")
import yaml
settings = yaml.safe_load(open("/srv/sim/config.yaml"))
production = settings["orgs"]["production"]
production["login"]["private_key"] = {"systemd": "key.pem"}
settings["stores"]["keys"]["path"] = "/var/lib/rotator/keys"
changes = {"database": "sqlite:////var/lib/rotator/rotator.db", "orgs": {"production": production}, "daemon": {"tick": "2s"}}
changes["credentials"] = {"billing": settings["credentials"]["billing"]}
yaml.safe_dump(settings | changes, open("/etc/rotator/config.yaml", "w"))
PYTHON
echo "[Service]
LoadCredential=key.pem:/etc/rotator/secrets/key.pem" | tee "$unit" > "/etc/systemd/system/rotator-once.service.d/local.conf"
systemctl daemon-reload

holds "it starts" systemctl start rotator
holds "it rotates what is due, with a key that systemd passes on" logged "the run ended: rotated"
holds "it tells systemd how it is" says "working: orgs 1"
holds "it is ready" curl -fsS http://127.0.0.1:9465/readyz
holds "it reads its configuration again" systemctl reload rotator
echo "nonsense: 1" >> /etc/rotator/config.yaml
holds "a wrong configuration is told to systemd" systemctl reload rotator
holds "and refused" says "config.yaml is wrong"
sed -i '$d' /etc/rotator/config.yaml
printf '[Service]\nWatchdogSec=4s\nRestartSec=1s\n' >> "$unit"
systemctl daemon-reload
holds "it starts anew" systemctl restart rotator
kill -STOP "$(systemctl show -p MainPID --value rotator)"
holds "one that hangs is started anew by the watchdog" another 1
kill -KILL "$(systemctl show -p MainPID --value rotator)"
holds "one that was killed is started anew" another 2
holds "it stops" systemctl stop rotator
holds "and that is no failure" shows Result success
holds "a single round ends well" systemctl start rotator-once
holds "the timer can be started" systemctl start rotator-once.timer
echo "nonsense: 1" >> /etc/rotator/config.yaml
holds "with a wrong configuration it does not start, and is not tried again" refused
echo done
kill -RTMIN+4 1
SCRIPT

cat > "$work/inside" <<'SCRIPT'
#!/bin/sh
set -eu
layer=$work/layer root=$work/layer/root
mount -t tmpfs tmpfs "$layer" && mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$root" && cd "$root"
mount -t proc proc proc && mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run && mount -t tmpfs -o mode=1777 tmpfs tmp && mount -t tmpfs tmpfs dev
for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do mknod -m 666 "dev/${node% *}" c 1 "${node#* }"; done
mknod -m 666 dev/tty c 5 0 && mkdir dev/pts dev/shm dev/mqueue dev/hugepages && touch dev/console
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm && ln -s /proc/self/fd dev/fd
mkdir -p opt/python opt/rotator/bin opt/packages out srv
mount --bind "$home" opt/python && mount --bind "$work/out" out
ln -s "$here"/.venv/lib/python3*/site-packages opt/packages/
install -m 755 "$work/rotator" opt/rotator/bin/rotator && install -m 755 "$work/driver" opt/driver
# Nothing of this machine's own is started.
rm -rf etc/systemd/system/*.wants usr/lib/systemd/system/*.wants usr/lib/systemd/system-generators
cp "$here"/systemd/* etc/systemd/system/ && : > etc/fstab && echo 0123456789abcdef0123456789abcdef > etc/machine-id
cd etc/systemd/system
printf '[Service]\nExecStart=/opt/rotator/bin/rotator simulator serve --export /srv/sim\n' > simulator.service
printf '[Service]\nExecStart=/opt/driver\n' > driver.service
printf '[Unit]\nWants=systemd-journald.service simulator.service driver.service\n' > by-hand.target
cd "$root" && mkdir -p old && pivot_root . old && umount -l /old && mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=by-hand.target \
    --log-target=journal --show-status=no < /dev/null > /dev/null 2>&1
SCRIPT

export here home work
(
    echo 0 > "$group/cgroup.procs"
    exec timeout -k 5 180 unshare --mount --pid --fork --kill-child --ipc --uts --net --cgroup \
        --propagation private sh "$work/inside"
) &
wait $! || true
cat "$work/out/report"
grep -q '^done$' "$work/out/report" && ! grep -q '^FAIL' "$work/out/report"
