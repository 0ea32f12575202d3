//! The configuration of the servers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{ACCOUNTS, LIST, LIST_ID, MailStack, User, folder};

/// Folders that are there before anything starts. `queue` to `subscribers.d` are what mlmmj expects of a list.
const FOLDERS: [&str; 22] = [
    "",
    "home",
    "archive",
    "maildirs",
    "tls",
    "bin",
    "dovecot",
    "dovecot/run",
    "postfix",
    "postfix/etc",
    "postfix/queue",
    "postfix/data",
    "list/incoming",
    "list/queue/discarded",
    "list/archive",
    "list/text",
    "list/subconf",
    "list/unsubconf",
    "list/bounce",
    "list/control",
    "list/moderation",
    "list/subscribers.d",
];

impl MailStack {
    /// Writes all configuration. `user` runs the list, the archive, and owns the Maildirs.
    pub(super) fn write_config(&self, user: &User) {
        for name in FOLDERS.iter().chain(&["list/digesters.d", "list/requeue", "list/nomailsubs.d"]) {
            folder(&self.top().join(name));
        }
        for account in ACCOUNTS {
            // public-inbox-watch watches only folders that exist.
            for part in ["new", "cur", "tmp"] {
                folder(&self.maildir(account).join(part));
            }
        }
        self.make_certificate();
        self.write_list();
        self.write_postfix();
        self.write_dovecot();
        for name in ["list", "archive", "maildirs", "home"] {
            user.owns(&self.top().join(name));
        }
        User::of("postfix").owns(&self.top().join("postfix/data"));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.top().join(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// An authority, and a certificate that it signed for the servers.
    fn make_certificate(&self) {
        let tls = self.top().join("tls");
        self.write("tls/server.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&tls, &format!("req -x509 {key} -days 30 -subj /CN=tests -keyout ca.key -out ca.pem"));
        openssl(&tls, &format!("req {key} -subj /CN=localhost -keyout server.key -out server.csr"));
        let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext";
        openssl(&tls, &format!("{sign} -out server.pem"));
    }

    fn write_list(&self) {
        let headers = format!(
            "List-Id: <{LIST_ID}>\nList-Post: <mailto:{LIST}>\nList-Unsubscribe: <mailto:{}>\nPrecedence: bulk\n\
             X-Mailing-List: {LIST}\n",
            LIST.replace('@', "+unsubscribe@")
        );
        for (name, text) in [
            ("listaddress", LIST),
            ("owner", "owner@example.test"),
            ("relayhost", "127.0.0.1"),
            ("smtpport", &self.ports.smtp.to_string()),
            // Empty: one transaction for all subscribers.
            ("verp", ""),
            ("customheaders", &headers),
            // Bytes; hostile mail of the tests is large.
            ("maxmailsize", "104857600"),
        ] {
            // An empty line in `customheaders` would end the header of a mail.
            self.write(&format!("list/control/{name}"), &format!("{}\n", text.trim_end()));
        }
        self.write("list/control/verp", "");
        self.write("list/index", "0\n");
        self.write("list/subscribers.d/a", "archive@example.test\nbot@example.test\ndev@example.test\n");
        for entry in fs::read_dir("/usr/share/mlmmj/text.skel/en").expect("mlmmj brings its texts") {
            let path = entry.expect("mlmmj brings its texts").path();
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, self.top().join("list/text").join(name)).expect("texts can be copied");
        }
    }

    fn write_postfix(&self) {
        let top = self.top().display();
        let ports = &self.ports;
        let escaped = |address: &str| address.replace('.', "\\.");
        let (local, domain) = LIST.split_once('@').expect("the list has an address");
        let list = format!("/^{local}(\\+.*)?@{}$/", escaped(domain));
        let accounts = format!("/^({}|bouncer)(\\+.*)?@example\\.test$/", ACCOUNTS.join("|"));
        self.write("postfix/etc/users", &format!("{list} ok\n{accounts} ok\n"));
        self.write("postfix/etc/transport", &format!("{list} mlmmj:list\n/^bouncer@example\\.test$/ gone:\n"));
        // Not an `error:` transport: that refuses at once, and no notification is written.
        self.write("bin/gone", "#!/bin/sh\ncat >/dev/null\necho the mailbox is gone\nexit 67\n");
        fs::set_permissions(self.top().join("bin/gone"), fs::Permissions::from_mode(0o755)).expect("rights can be set");
        self.write(
            "postfix/etc/main.cf",
            &format!(
                "compatibility_level = 3.6
queue_directory = {top}/postfix/queue
data_directory = {top}/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = /tmp, {top}
maillog_file = {top}/postfix/maillog
myhostname = mx.example.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
recipient_delimiter = +
virtual_mailbox_domains = example.test lists.example.test
virtual_mailbox_maps = regexp:{top}/postfix/etc/users
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
transport_maps = regexp:{top}/postfix/etc/transport
mlmmj_destination_recipient_limit = 1
gone_destination_recipient_limit = 1
default_transport = error:5.1.2 no route off this host
relay_transport = error:5.1.2 no route off this host
lmtp_host_lookup = native
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_tls_cert_file = {top}/tls/server.pem
smtpd_tls_key_file = {top}/tls/server.key
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
message_size_limit = 104857600
virtual_mailbox_limit = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
biff = no
",
                lmtp = ports.lmtp,
                auth = ports.auth,
            ),
        );
        let internal = [
            ("pickup", "unix n - n 60 1 pickup"),
            ("cleanup", "unix n - n - 0 cleanup"),
            ("qmgr", "unix n - n 300 1 qmgr"),
            ("tlsmgr", "unix - - n 1000? 1 tlsmgr"),
            ("rewrite", "unix - - n - - trivial-rewrite"),
            ("bounce", "unix - - n - 0 bounce"),
            ("defer", "unix - - n - 0 bounce"),
            ("trace", "unix - - n - 0 bounce"),
            ("verify", "unix - - n - 1 verify"),
            ("flush", "unix n - n 1000? 0 flush"),
            ("proxymap", "unix - - n - - proxymap"),
            ("smtp", "unix - - n - - smtp"),
            ("relay", "unix - - n - - smtp"),
            ("showq", "unix n - n - - showq"),
            ("error", "unix - - n - - error"),
            ("retry", "unix - - n - - error"),
            ("discard", "unix - - n - - discard"),
            ("lmtp", "unix - - n - - lmtp"),
            ("anvil", "unix - - n - 1 anvil"),
            ("scache", "unix - - n - 1 scache"),
            ("postlog", "unix-dgram n - n - 1 postlogd"),
        ];
        let internal: String = internal.iter().map(|(name, rest)| format!("{name} {rest}\n")).collect();
        self.write(
            "postfix/etc/master.cf",
            &format!(
                "127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
{internal}mlmmj unix - n n - 4 pipe
  flags=ORhu user=list argv=/usr/bin/mlmmj-receive -F -L {top}/$nexthop
gone unix - n n - 1 pipe
  flags=R user=nobody argv={top}/bin/gone
",
                smtp = ports.smtp,
                submission = ports.submission,
            ),
        );
    }

    fn write_dovecot(&self) {
        let top = self.top().display();
        let ports = &self.ports;
        let vacation =
            "vacation :days 1 :subject \"Out of office\" :addresses [\"alice@example.test\"] \"I am away.\";";
        self.write("maildirs/alice/.dovecot.sieve", &format!("require [\"vacation\"];\n{vacation}\n"));
        self.write(
            "dovecot/dovecot.conf",
            &format!(
                "base_dir = {top}/dovecot/run
state_dir = {top}/dovecot/run
instance_name = mail-{smtp}
log_path = {top}/dovecot/log
listen = 127.0.0.1
protocols = imap lmtp
ssl = yes
ssl_cert = <{top}/tls/server.pem
ssl_key = <{top}/tls/server.key
disable_plaintext_auth = no
mail_location = maildir:{top}/maildirs/%n
mail_uid = list
mail_gid = list
first_valid_uid = 1
first_valid_gid = 1
mailbox_idle_check_interval = 1s
mail_max_userip_connections = 100
recipient_delimiter = +
submission_host = 127.0.0.1:{smtp}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=list gid=list home={top}/maildirs/%n allow_all_users=yes
}}
protocol lmtp {{
  mail_plugins = sieve
  postmaster_address = owner@example.test
  hostname = mx.example.test
}}
plugin {{
  sieve = file:{top}/maildirs/%n/.sieve-scripts;active={top}/maildirs/%n/.dovecot.sieve
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth}
  }}
}}
service anvil {{
  client_limit = 1000
}}
",
                smtp = ports.smtp,
                password = super::PASSWORD,
                imap = ports.imap,
                imaps = ports.imaps,
                lmtp = ports.lmtp,
                auth = ports.auth,
            ),
        );
    }
}

fn openssl(folder: &Path, args: &str) {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(folder).output().expect("openssl starts");
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
}
