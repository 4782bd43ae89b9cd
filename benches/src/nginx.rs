//! The peer of the edge's benchmark: nginx that answers 204 and writes each body to a buffered log, without fsync.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// A running nginx with one worker, ended when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    master: Child,
    /// Where it takes posts.
    pub(crate) url: String,
    /// The one worker, whose processor time is counted.
    pub(crate) worker: u32,
}

impl Nginx {
    /// Starts it in `folder`, its worker held to processor `core`.
    ///
    /// # Errors
    /// When nginx or its echo module is missing, or does not answer within ten seconds.
    pub(crate) fn start(folder: &Path, core: u32) -> anyhow::Result<Self> {
        const MODULE: &str = "/usr/lib/nginx/modules/ngx_http_echo_module.so";
        ensure!(
            Path::new(MODULE).exists(),
            "nginx's echo module is missing: `apt-get install nginx libnginx-mod-http-echo` adds it"
        );
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("nginx.conf");
        std::fs::write(&config, configuration(MODULE, folder, port))?;
        let master = Command::new("taskset")
            .args(["-c", &core.to_string(), "nginx", "-e"])
            .arg(folder.join("nginx-error.log"))
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .context("start nginx: `apt-get install nginx libnginx-mod-http-echo` adds it")?;
        let mut nginx = Self { master, url: format!("http://127.0.0.1:{port}/e"), worker: 0 };
        nginx.worker = nginx.await_worker(port)?;
        Ok(nginx)
    }

    fn await_worker(&mut self, port: u16) -> anyhow::Result<u32> {
        let master = self.master.id();
        let children = format!("/proc/{master}/task/{master}/children");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.master.try_wait()? {
                bail!("nginx ended at once with {status}");
            }
            let listed = std::fs::read_to_string(&children).unwrap_or_default();
            let worker = listed.split_whitespace().next().and_then(|pid| pid.parse().ok());
            if let (Some(worker), Ok(_)) = (worker, std::net::TcpStream::connect(("127.0.0.1", port))) {
                return Ok(worker);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("nginx did not answer within ten seconds")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGQUIT and SIGTERM need a signal call; the master ends its worker on SIGTERM, which `kill` sends.
        let pid = self.master.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|status| status.success());
        if !asked {
            let _ = self.master.kill();
        }
        let _ = self.master.wait();
    }
}

fn configuration(module: &str, folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    client_body_buffer_size 64k;
    keepalive_requests 1000000000;
    log_format body escape=json '$msec $remote_addr \"$http_user_agent\" $request_body';
    server {{
        listen 127.0.0.1:{port};
        location = /e {{
            access_log {folder}/bodies.log body buffer=64k flush=1s;
            echo_read_request_body;
            echo_status 204;
            echo_duplicate 0 \"\";
        }}
    }}
}}
"
    )
}
