#!/bin/bash
# One broker that is its own controller. The image's own entry point cannot make SCRAM users, without whom nobody could log in.
# What holds a secret lies in memory (/run/kafka); /var/lib/kafka/data is a volume that the image declares as well.
set -euo pipefail
umask 077
run=/run/kafka
data=/var/lib/kafka/data/log
export LOG_DIR=$run/logs
cat /secrets/kafka.key /secrets/kafka.pem > "$run/keystore.pem"
login() {
    printf 'org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";' "$1" "$(cat "$2")"
}
cat > "$run/server.properties" << SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=SASL_SSL://:9092,CONTROLLER://127.0.0.1:9093
advertised.listeners=SASL_SSL://kafka:9092
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
inter.broker.listener.name=SASL_SSL
log.dirs=$data
ssl.keystore.type=PEM
ssl.keystore.location=$run/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=/secrets/ca.pem
listener.name.controller.ssl.client.auth=required
listener.name.controller.ssl.endpoint.identification.algorithm=
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$(login broker /secrets/kafka-broker.password)
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:footfall;User:broker;User:CN=kafka
auto.create.topics.enable=false
unclean.leader.election.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
SETTINGS
cat > "$run/client.properties" << SETTINGS
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=$(login footfall /secrets/kafka.password)
ssl.truststore.type=PEM
ssl.truststore.location=/secrets/ca.pem
SETTINGS
if [ ! -e "$data/meta.properties" ]; then
    /opt/kafka/bin/kafka-storage.sh format --config "$run/server.properties" \
        --cluster-id "$(/opt/kafka/bin/kafka-storage.sh random-uuid)" \
        --add-scram "SCRAM-SHA-512=[name=footfall,password=$(cat /secrets/kafka.password)]" \
        --add-scram "SCRAM-SHA-512=[name=broker,password=$(cat /secrets/kafka-broker.password)]"
fi
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xms1g -Xmx1g}"
exec /opt/kafka/bin/kafka-server-start.sh "$run/server.properties"
