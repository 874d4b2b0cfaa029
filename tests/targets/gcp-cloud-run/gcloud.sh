# Stands in for gcloud in the test of deploy.sh: each region is a file with what was put into service.
for word; do case $word in --region) next=1 ;; *) [ -z "$next" ] || { region=$word; next=; } ;; esac; done
[ "$1" = run ] || exit 0
[ "$region" != "$BROKEN" ] || { echo "ERROR: (gcloud.run.services.update) The revision is not ready." >&2; exit 1; }
echo "$*" > "$here/$region"
