# Stands in for gcloud in the test of deploy.sh: each region is a file with what was put into service.
for word; do case $word in --region) next=1 ;; *) [ -z "$next" ] || { region=$word; next=; } ;; esac; done
[ "$1" != run ] || { [ "$region" != "$BROKEN" ] && echo "$*" > "$here/$region"; }
