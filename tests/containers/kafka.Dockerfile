# A substitute for the official image if it cannot be pulled: the same variables, paths of scripts and user.
FROM headrace-debian
LABEL headrace.substitute=yes
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null \
 && rm -rf /var/lib/apt/lists /var/cache/apt
RUN useradd --uid 1000 --create-home appuser && mkdir -p /var/lib/kafka/data /opt/kafka/bin && chown -R appuser /var/lib/kafka
COPY libs /opt/kafka/libs
COPY kafka-run.sh /etc/kafka/docker/run
COPY kafka-topics.sh /opt/kafka/bin/kafka-topics.sh
RUN chmod 755 /etc/kafka/docker/run /opt/kafka/bin/kafka-topics.sh
USER appuser
EXPOSE 9092
VOLUME ["/var/lib/kafka/data"]
CMD ["/etc/kafka/docker/run"]
