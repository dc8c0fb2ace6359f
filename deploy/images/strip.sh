# Run in a stage of the Dockerfile: leaves of a Debian or Python base what a process needs to run.
set -eu
echo 'kaigong:x:10001:10001:Kaigong:/var/lib/kaigong:/usr/sbin/nologin' >>/etc/passwd
echo 'kaigong:x:10001:' >>/etc/group
mkdir -p /var/lib/kaigong/objects
chown -R 10001:10001 /var/lib/kaigong
install -m 755 /healthy /usr/local/bin/healthy
# Every file gets the commit's time later: the library's byte code must not be compared with its source's.
if command -v python3 >/dev/null; then
    library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    PYTHONHASHSEED=0 python3 -m compileall -q -f --invalidation-mode unchecked-hash "$library" || :
fi
# Compilers are not in the bases; package managers are.
rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/site-packages/setuptools* \
    /usr/local/lib/python3*/site-packages/wheel* /usr/local/lib/python3*/ensurepip /usr/lib/python3*/ensurepip \
    /usr/lib/python3/dist-packages/pip* /usr/share/python-wheels /usr/local/bin/pip* /usr/bin/pip*
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/locale/* /usr/share/info/* /var/log/* /var/cache/* ~/.cache
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
find /var/lib/dpkg -mindepth 1 -maxdepth 1 ! -name status -exec rm -rf {} +
rm -rf /etc/apt /var/lib/apt /usr/lib/apt /usr/lib/dpkg /usr/libexec/dpkg /usr/share/dpkg /usr/share/debconf \
    /usr/bin/apt* /usr/bin/dpkg* /usr/sbin/dpkg* /usr/bin/debconf* /usr/sbin/debconf* /etc/passwd- /etc/group- \
    /etc/shadow- /etc/gshadow- /healthy /strip.sh
