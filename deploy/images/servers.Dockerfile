# Stand-ins for the official images, from Debian's packages, where no registry can be reached: the same
# names, accounts, folders and variables, as far as compose.yaml uses them. For tests; never pushed.
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${DEBIAN_IMAGE} AS debian
# Debian's own servers are not started, and 999 is the account of all three official images.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && for name in postgres rabbitmq redis; do \
        echo "$name:x:999:" >>/etc/group; echo "$name:x:999:999::/var/lib/$name:/bin/sh" >>/etc/passwd; done

FROM debian AS postgres
# hadolint ignore=DL3008
RUN sed -i '/^rabbitmq:\|^redis:/d' /etc/passwd /etc/group \
    && sed -i 's|/var/lib/postgres:|/var/lib/postgresql:|' /etc/passwd \
    && apt-get update && apt-get install -y --no-install-recommends postgresql postgresql-client \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* \
    && install -d -o 999 -g 999 -m 700 /var/lib/postgresql/data && install -d -o 999 -g 999 /var/run/postgresql
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
USER 999
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["postgres"]

FROM debian AS rabbitmq
# hadolint ignore=DL3008
RUN sed -i '/^postgres:\|^redis:/d' /etc/passwd /etc/group \
    && apt-get update && apt-get install -y --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* /var/lib/rabbitmq /var/log/rabbitmq && mkdir -p /etc/rabbitmq/conf.d \
    && install -d -o 999 -g 999 /var/lib/rabbitmq /var/log/rabbitmq \
    && ln -s /usr/lib/rabbitmq/lib/rabbitmq_server-* /opt/rabbitmq
ENV PATH=/opt/rabbitmq/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/lib/rabbitmq LANG=C.UTF-8 RABBITMQ_LOGS=-
USER 999
CMD ["rabbitmq-server"]

FROM debian AS redis
# hadolint ignore=DL3008
RUN sed -i '/^postgres:\|^rabbitmq:/d' /etc/passwd /etc/group \
    && apt-get update && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* && install -d -o 999 -g 999 /data
USER 999
WORKDIR /data
CMD ["redis-server"]

# The official images of Prometheus and Alertmanager: account 65534, their programs in /bin.
FROM debian AS prometheus
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends prometheus \
    && rm -rf /var/lib/apt/lists/* /etc/prometheus /var/lib/prometheus && mkdir /etc/prometheus \
    && install -d -o 65534 -g 65534 /prometheus
USER 65534
ENTRYPOINT ["prometheus"]

FROM debian AS alertmanager
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends prometheus-alertmanager \
    && rm -rf /var/lib/apt/lists/* && install -d -o 65534 -g 65534 /alertmanager \
    && ln -s prometheus-alertmanager /usr/bin/alertmanager
USER 65534
ENTRYPOINT ["alertmanager"]
