"""Updates: three trees are compared into a plan, the plan is verified in a repository of its own, and then applied.

`repository` reads what is there, `history` finds the template's versions, `trees` holds the files of a render or a
commit, `comparison` merges three trees into changes, `security` and `questions` say what these mean, `plan` puts all
of it together, `verification` tries the result, `application` brings it into the working tree. `updates` runs all of
this and returns an `outcome`, which `wording` puts into words. Nothing here prints.
"""
