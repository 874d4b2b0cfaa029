# Stands in for kubectl in the test of deploy.sh: each region is a file with what was put into service.
region=$2
case "$5" in
  get) [ "$6" != replicasets ] || printf ' 4
2 3
' ;;
  set) echo "$*" > "$here/$region" ;;
  wait) [ ! -e "$here/$region.back" ] || touch "$here/$region.settled" ;; # the missed deadline is told until then
  rollout)
    case "$6" in
      status) [ "$region" != "$BROKEN" ] || [ -e "$here/$region.settled" ] ;;
      undo) [ -z "$STUCK" ] && touch "$here/$region.back" ;;
    esac ;;
esac
