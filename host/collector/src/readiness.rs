//! Whether the servers that a role needs answer, for `/health/ready`.

use std::{sync::Arc, time::Duration};

use collector_elastic::{ElasticError, ElasticSettings};
use collector_kafka::KafkaSettings;
use collector_web::Health;
use tokio::task::JoinSet;

/// How often each server is asked.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// How long its answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Asks a role's servers again and again, until it is dropped.
pub struct Readiness {
    health: Arc<Health>,
    asking: JoinSet<()>,
}

impl Readiness {
    /// Asks nobody yet.
    pub fn of(health: &Arc<Health>) -> Self {
        Readiness { health: Arc::clone(health), asking: JoinSet::new() }
    }

    /// Kafka: ready while a broker answers and lets us in.
    pub fn needs_kafka(&mut self, settings: &KafkaSettings) {
        let (health, settings) = (self.expect("kafka"), settings.clone());
        self.asking.spawn(async move {
            loop {
                tell(&health, "kafka", ask_kafka(settings.clone()).await);
                tokio::time::sleep(ASK_EVERY).await;
            }
        });
    }

    /// Elasticsearch or OpenSearch: ready while one node answers.
    pub fn needs_elastic(&mut self, settings: &ElasticSettings) {
        let (health, settings) = (self.expect("elasticsearch"), settings.clone());
        self.asking.spawn(async move {
            loop {
                tell(&health, "elasticsearch", ask_elastic(&settings).await);
                tokio::time::sleep(ASK_EVERY).await;
            }
        });
    }

    fn expect(&self, server: &str) -> Arc<Health> {
        self.health.not_ready(server, "it was not asked yet");
        Arc::clone(&self.health)
    }
}

fn tell(health: &Health, server: &str, answer: Result<(), String>) {
    match answer {
        Ok(()) => health.ready(server),
        Err(reason) => health.not_ready(server, &reason),
    }
}

async fn ask_kafka(settings: KafkaSettings) -> Result<(), String> {
    let asked = move || collector_kafka::cluster::probe(&settings, ANSWER_WITHIN);
    match tokio::task::spawn_blocking(asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(error) => Err(format!("asking Kafka failed: {error}")),
    }
}

async fn ask_elastic(settings: &ElasticSettings) -> Result<(), String> {
    let mut answer = Err("no node is named".to_owned());
    for node in &settings.nodes {
        let one = ElasticSettings { nodes: vec![node.clone()], ..settings.clone() };
        answer = match collector_elastic::probe(&one, ANSWER_WITHIN).await {
            // Who may write need not be allowed to ask who answers.
            Ok(_) | Err(ElasticError::Forbidden { .. }) => return Ok(()),
            Err(error) => Err(error.to_string()),
        };
    }
    answer
}
