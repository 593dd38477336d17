//! A registry whose answers a test writes, and what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    pub(crate) fn authorization(&self) -> &str {
        self.headers.get("authorization").map_or("", String::as_str)
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How long the answer takes.
    delay: Duration,
}

pub(crate) fn answer(status: u16, body: impl AsRef<[u8]>) -> Answer {
    Answer {
        status,
        body: body.as_ref().to_vec(),
        ..Answer::default()
    }
}

/// A refusal in the form of registries.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    answer(
        status,
        json!({"errors": [{"code": code, "message": message}]}).to_string(),
    )
}

impl Answer {
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn write(&self, to: &mut impl Write, is_head: bool) -> std::io::Result<()> {
        std::thread::sleep(self.delay);
        let mut head = format!("HTTP/1.1 {} Text\r\nConnection: close\r\n", self.status);
        head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        to.write_all(format!("{head}\r\n").as_bytes())?;
        if !is_head {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

/// A server on this machine. It is there until the tests end.
#[derive(Clone)]
pub(crate) struct Server {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers by a rule.
    pub(crate) fn new(rule: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(rule, None)
    }

    /// The same with TLS, for `localhost`.
    pub(crate) fn with_tls(rule: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let chain = CertificateDer::pem_slice_iter(include_bytes!("certificates/server.pem"));
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start(rule, Some(Arc::new(config)))
    }

    fn start(rule: impl Fn(&Asked) -> Answer + Send + Sync + 'static, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&server.asked);
        let rule = Arc::new(rule);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (rule, asked, tls) = (Arc::clone(&rule), Arc::clone(&asked), tls.clone());
                // Who hangs up early is no problem of the server's.
                std::thread::spawn(move || match tls {
                    None => drop(serve(stream, &*rule, &asked)),
                    Some(tls) => {
                        let connection = rustls::ServerConnection::new(tls).unwrap();
                        drop(serve(rustls::StreamOwned::new(connection, stream), &*rule, &asked));
                    }
                });
            }
        });
        server
    }

    /// All that it was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The same as lines: method and path.
    pub(crate) fn lines(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked.map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn serve(stream: impl Read + Write, rule: &dyn Fn(&Asked) -> Answer, all: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let asked = Asked {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        at: Instant::now(),
    };
    all.lock().unwrap().push(asked.clone());
    rule(&asked).write(reader.get_mut(), asked.method == "HEAD")
}

/// A server that reads what comes first, answers with these bytes, and hangs up.
pub(crate) fn raw(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = |mut stream: TcpStream| -> std::io::Result<()> {
                let _ = stream.read(&mut [0; 4096])?;
                stream.write_all(bytes)
            };
            drop(answer(stream));
        }
    });
    port
}

/// What a registry holds: images for platforms under the name `a/b:1`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// By path below `/v2/a/b/`.
    pub files: BTreeMap<String, Vec<u8>>,
    pub digest: String,
}

pub(crate) fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

impl Content {
    fn blob(&mut self, kind: &str, content: &[u8]) -> Value {
        let digest = digest(content);
        self.files.insert(format!("{kind}/{digest}"), content.to_vec());
        json!({"digest": digest, "size": content.len(), "mediaType": "application/octet-stream"})
    }

    /// An image with a configuration (to which the platform is added) and layers.
    fn image(&mut self, platform: &str, mut config: Value, layers: &[Vec<u8>]) -> Vec<u8> {
        let (os, architecture) = platform.split_once('/').unwrap();
        config["os"] = json!(os);
        config["architecture"] = json!(architecture);
        let config = self.blob("blobs", config.to_string().as_bytes());
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob("blobs", layer)).collect();
        json!({"schemaVersion": 2, "config": config, "layers": layers})
            .to_string()
            .into_bytes()
    }

    fn tagged(mut self, manifest: Vec<u8>) -> Self {
        self.digest = digest(&manifest);
        let by_digest = format!("manifests/{}", self.digest);
        self.files.insert("manifests/1".into(), manifest.clone());
        self.files.insert(by_digest, manifest);
        self
    }

    /// A single image.
    pub(crate) fn single(platform: &str, config: Value, layers: &[Vec<u8>]) -> Self {
        let mut content = Self::default();
        let manifest = content.image(platform, config, layers);
        content.tagged(manifest)
    }

    /// An index of images, with an attestation as BuildKit adds them.
    pub(crate) fn index(platforms: &[&str]) -> Self {
        let mut content = Self::default();
        let mut entries = Vec::new();
        for platform in platforms {
            let manifest = content.image(platform, json!({}), &[]);
            let mut entry = content.blob("manifests", &manifest);
            let (os, architecture) = platform.split_once('/').unwrap();
            entry["platform"] = json!({"os": os, "architecture": architecture});
            entries.push(entry);
        }
        let mut attestation = content.blob("manifests", b"{}");
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        entries.push(attestation);
        let index = json!({"schemaVersion": 2, "manifests": entries}).to_string();
        content.tagged(index.into_bytes())
    }

    /// The answer to a request.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        let path = asked.path.split_once('?').map_or(asked.path.as_str(), |(path, _)| path);
        let Some(path) = path.strip_prefix("/v2/a/b/") else {
            return error(404, "NAME_UNKNOWN", "repository name not known to registry");
        };
        match self.files.get(path) {
            Some(content) => answer(200, content).header("Docker-Content-Digest", digest(content)),
            None => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }

    pub(crate) fn serve(self) -> Server {
        Server::new(move |asked| self.answer(asked))
    }
}
