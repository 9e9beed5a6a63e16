"""Every problem that the loader can find: stable code, title and explanation.

The table feeds ``docs/reference/errors.md``. A code is never given to another problem; a dropped one stays unused.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Title and one paragraph of explanation of a code."""

    title: str
    explanation: str


NO_FLEET = "FLT-CFG-002"
TOO_LARGE = "FLT-CFG-003"
NOT_UTF8 = "FLT-CFG-004"
NOT_A_FILE = "FLT-CFG-005"
NOT_READ = "FLT-CFG-006"
BAD_FILE_NAME = "FLT-CFG-007"
MISSING_FILE = "FLT-CFG-008"
SYNTAX = "FLT-CFG-010"
TAB = "FLT-CFG-011"
DUPLICATE_KEY = "FLT-CFG-012"
ALIAS = "FLT-CFG-013"
TAG = "FLT-CFG-014"
MANY_DOCUMENTS = "FLT-CFG-015"
EMPTY = "FLT-CFG-016"
NOT_A_MAPPING = "FLT-CFG-017"
TOO_DEEP = "FLT-CFG-018"
AMBIGUOUS = "FLT-CFG-019"
BAD_KEY = "FLT-CFG-020"
UNKNOWN_KEY = "FLT-CFG-030"
MISSING_KEY = "FLT-CFG-031"
WRONG_TYPE = "FLT-CFG-032"
NOT_A_CHOICE = "FLT-CFG-033"
BAD_NAME = "FLT-CFG-034"
BAD_VALUE = "FLT-CFG-035"
NOT_SEMVER = "FLT-CFG-036"
NOT_A_COMMIT = "FLT-CFG-037"
UNKNOWN_SOURCE = "FLT-CFG-040"
CYCLE = "FLT-CFG-041"
TRACK_NOT_FIRST = "FLT-CFG-042"
TRACK_AND_RELEASE = "FLT-CFG-043"
CLUSTER_UNUSED = "FLT-CFG-044"
CLUSTER_SHARED = "FLT-CFG-045"
UNKNOWN_CLUSTER = "FLT-CFG-046"
NO_CLUSTERS = "FLT-CFG-047"
WAVE_OUTSIDE = "FLT-CFG-050"
WAVE_NAME = "FLT-CFG-051"
WAVE_OVERLAP = "FLT-CFG-052"
WAVE_EMPTY = "FLT-CFG-053"
UNKNOWN_APP = "FLT-CFG-060"
UNDECLARED_IMAGE = "FLT-CFG-061"
LEAK = "FLT-CFG-062"
MASKED = "FLT-CFG-063"
OVERLAPPING_PATHS = "FLT-CFG-064"
NOTHING_TO_RENDER = "FLT-CFG-065"
BAD_PROMOTABLE = "FLT-CFG-066"
BAD_IMAGE = "FLT-CFG-067"
BAD_LABEL = "FLT-CFG-070"
BAD_ACCESS = "FLT-CFG-071"
KUBECONFIG_OUTSIDE = "FLT-CFG-072"
BAD_REF = "FLT-CFG-073"
BAD_NAMESPACE = "FLT-CFG-074"
NOT_EDITABLE = "FLT-CFG-080"
BAD_RANGE = "FLT-CFG-090"
NOT_PROVIDED = "FLT-CFG-091"
TWO_PROVIDERS = "FLT-CFG-092"
DEPENDS_IN_CIRCLE = "FLT-CFG-093"
UNKNOWN_DEPENDENCY = "FLT-CFG-094"
NOT_SATISFIED = "FLT-CFG-095"
SCHEMA_NOT_OWN = "FLT-CFG-096"
BAD_MIGRATION = "FLT-CFG-097"
BAD_WINDOW = "FLT-CFG-100"
BAD_RECURRENCE = "FLT-CFG-101"
UNKNOWN_ZONE = "FLT-CFG-102"
NO_CALENDAR = "FLT-CFG-103"
BAD_CALENDAR = "FLT-CFG-104"
WINDOW_NAME = "FLT-CFG-105"
UNKNOWN_DISCOVERY = "FLT-CFG-110"
BAD_TAG_FORM = "FLT-CFG-111"
HOST_NOT_ALLOWED = "FLT-CFG-112"
BAD_HOST = "FLT-CFG-113"
GATE_NAME = "FLT-CFG-120"
BAD_URL = "FLT-CFG-121"
GATE_HOST = "FLT-CFG-122"
NOT_A_VARIABLE = "FLT-CFG-123"
BAD_EXPRESSION = "FLT-CFG-124"
BAD_QUERY = "FLT-CFG-125"
NO_JOB_PLACE = "FLT-CFG-126"
SCENARIO_UNKNOWN = "FLT-CFG-150"
SCENARIO_GATE = "FLT-CFG-151"
SCENARIO_NAME = "FLT-CFG-152"
SCENARIO_WAY = "FLT-CFG-153"

CODES: dict[str, Code] = {
    "FLT-CFG-001": Code(
        "the fleet could not be loaded",
        "The summary line of a load that found errors. Each error stands above it with its own code and place; "
        "nothing is planned or applied from a fleet that has any.",
    ),
    NO_FLEET: Code(
        "this is not a fleet",
        "There is no `fleet.yaml` at the top of the repository at the revision that was asked for. Run the command "
        "inside a fleet repository, name one with `-C PATH`, or write a new one with `fleet init`.",
    ),
    TOO_LARGE: Code(
        "a declared file is too large",
        "Files that declare the fleet may have 256 KiB. A larger one is not even read. Data of that size belongs "
        "in a template, an image or an object store.",
    ),
    NOT_UTF8: Code("a file is not UTF-8 text", "Declared files are UTF-8. Save the file in that encoding."),
    NOT_A_FILE: Code(
        "a link, submodule or directory stands where a file should be",
        "Fleet reads plain files only and never follows symbolic links or submodules, so that no repository can "
        "reach files outside of itself. Put the content there instead.",
    ),
    NOT_READ: Code(
        "a file is not read, and looks as if it should be",
        "The name is close to one that fleet reads (`environment.yml`, `environments.yml`, a template without "
        "`.yaml.j2`). Without this check the file would be ignored in silence.",
    ),
    BAD_FILE_NAME: Code(
        "the name of a file or directory is not usable",
        "Apps, environments and clusters take their name from the file or directory. Names are DNS labels: lower-case "
        "letters, digits and dashes, and short enough for the stack name of every target (apps 36, environments 24, "
        "clusters 38 characters).",
    ),
    MISSING_FILE: Code(
        "a file is missing",
        "Each directory under `environments/` has an `environment.yaml`, each directory under `apps/` an `app.yaml`.",
    ),
    SYNTAX: Code("the YAML cannot be read", "The message says what the parser met, and where."),
    TAB: Code("a tab is used for indentation", "YAML allows spaces only. Let your editor replace tabs by spaces."),
    DUPLICATE_KEY: Code(
        "a key is written twice",
        "One of the two would win in silence. Merge them into one.",
    ),
    ALIAS: Code(
        "an alias or merge key is used",
        "Aliases (`*name`) and merge keys (`<<`) are refused: they can blow up a small file into gigabytes, and they "
        "hide where a value comes from. Values are shared between files by the merge order instead.",
    ),
    TAG: Code("a YAML tag is used", "Tags such as `!!python/object` or `!Ref` mean nothing here and are refused."),
    MANY_DOCUMENTS: Code("a file holds several documents", "One file declares one thing. Remove the `---` separators."),
    EMPTY: Code("a file is empty", "Write what it declares, or remove the file."),
    NOT_A_MAPPING: Code("the top level is not a mapping", "Declared files are mappings (`key: value`) at the top."),
    TOO_DEEP: Code("the YAML is nested too deeply", "More than 64 levels of nesting are refused."),
    AMBIGUOUS: Code(
        "a value means different things to different YAML readers",
        "`yes`, `no`, `on` and `off` are booleans in YAML 1.1 and text in YAML 1.2; `010` is 8 or 10; `.nan`, `.inf` "
        "and huge numbers have no JSON form. Write `true` or `false`, or put the text in quotes.",
    ),
    BAD_KEY: Code("a key is not text", "Keys are text. Put numbers, `true`, `null` and the like in quotes."),
    UNKNOWN_KEY: Code(
        "an unknown key",
        "The file has no such setting. The hint names the closest one; `fleet schema KIND` prints all of them.",
    ),
    MISSING_KEY: Code("a required key is missing", "The message names the key; `fleet schema KIND` describes it."),
    WRONG_TYPE: Code("a value has the wrong type", "The message says which type is needed."),
    NOT_A_CHOICE: Code("a value is not one of the allowed ones", "The message lists those that are."),
    BAD_NAME: Code("a name is not a DNS label", "Names are lower-case letters, digits and dashes (RFC 1123)."),
    BAD_VALUE: Code("a value is out of range or badly formed", "The message says what is expected."),
    NOT_SEMVER: Code("a version is not a semantic version", "Versions follow https://semver.org, like `1.4.2`."),
    NOT_A_COMMIT: Code(
        "a revision is not a full commit id",
        "A pin names the commit by its full id of 40 (or 64) hexadecimal digits: branch names and short ids can come "
        "to mean something else.",
    ),
    UNKNOWN_SOURCE: Code(
        "`promotesFrom` names an environment that is not declared",
        "Environments form the pipeline by `promotesFrom`; it names another directory of `environments/`.",
    ),
    CYCLE: Code("environments promote from each other in a circle", "A pipeline has a first environment."),
    TRACK_NOT_FIRST: Code(
        "`track` on an environment that promotes from another",
        "Only the first environment of a pipeline may follow a branch; the others get releases by promotion.",
    ),
    TRACK_AND_RELEASE: Code(
        "a pin has a release although its environment follows a branch",
        "With `track` the release is what the branch says. Remove the `release:` block, or `track`.",
    ),
    CLUSTER_UNUSED: Code(
        "a cluster belongs to no environment",
        "Nothing would ever run there. Give it labels that an environment selects, or remove its file.",
    ),
    CLUSTER_SHARED: Code(
        "a cluster belongs to two environments",
        "A cluster belongs to exactly one environment, or the blast radius of a promotion would not be what it says.",
    ),
    UNKNOWN_CLUSTER: Code("a selector names a cluster that is not declared", "Clusters are files in `clusters/`."),
    NO_CLUSTERS: Code("an environment selects no cluster", "Allowed, but nothing runs there."),
    WAVE_OUTSIDE: Code(
        "a wave selects a cluster of another environment",
        "A wave orders the clusters of its own environment only.",
    ),
    WAVE_NAME: Code("a wave name is used twice or reserved", "`rest` is the wave of clusters that no other selects."),
    WAVE_OVERLAP: Code("a cluster is in two waves", "The order of roll-out would not be defined."),
    WAVE_EMPTY: Code("a wave selects no cluster", "Allowed, but it orders nothing."),
    UNKNOWN_APP: Code(
        "a pin names an app that is not declared",
        "`environments/<env>/apps/<app>.yaml` needs `apps/<app>/app.yaml`.",
    ),
    UNDECLARED_IMAGE: Code(
        "a release sets an image that the app does not declare",
        "A release may set the images that `app.yaml` lists under `images`, at the revision that it pins. A warning "
        "where only the newest `app.yaml` lacks it, an error where the pinned one does.",
    ),
    LEAK: Code(
        "a release carries a value that is not promotable",
        "Only the paths that `app.yaml` lists under `promotable` move between environments; everything else belongs to "
        "the environment. A warning where only the newest `app.yaml` does not list it, an error where the pinned one "
        "does not.",
    ),
    MASKED: Code(
        "an environment-owned value sets a promotable path",
        "The release wins wherever it carries the path, so the value has an effect only until the next promotion "
        "brings one. Keep the value in `app.yaml` and in releases.",
    ),
    OVERLAPPING_PATHS: Code("two dotted paths overlap", "`a` and `a.b` cannot both be set: one contains the other."),
    NOTHING_TO_RENDER: Code(
        "an app has nothing to render",
        "`source: templates` needs at least one `templates/*.yaml.j2`, `source: program` needs `program.py`.",
    ),
    BAD_PROMOTABLE: Code(
        "a promotable path is badly formed or names no value",
        "Promotable paths are dotted paths into the app's `values`, like `ratings.enabled`.",
    ),
    BAD_IMAGE: Code(
        "an image name or reference is badly formed", "A reference is like `registry.example/team/app:1.2`."
    ),
    BAD_LABEL: Code(
        "a label is not valid in Kubernetes",
        "Keys are `name` or `prefix/name`, values have at most 63 characters: letters, digits, `-`, `_` and `.`.",
    ),
    BAD_ACCESS: Code(
        "a cluster does not say how to reach it",
        "`access` holds either `sandbox: NAME`, or `context: NAME` with an optional `kubeconfig: PATH`.",
    ),
    KUBECONFIG_OUTSIDE: Code(
        "a relative kubeconfig path leaves the repository",
        "Relative paths are read from the top of the repository and stay inside it. Use `~`, `$VAR` or an absolute "
        "path.",
    ),
    BAD_REF: Code("a branch or remote name is not valid in git", "See `git check-ref-format`."),
    BAD_NAMESPACE: Code("a namespace is not a DNS label", "Namespaces have at most 63 characters (RFC 1123)."),
    NOT_EDITABLE: Code(
        "a pin cannot be edited by machine",
        "The top level of a pin is a mapping in block style with `release:` on a line of its own.",
    ),
    BAD_RANGE: Code(
        "a required version is not a range",
        "Ranges are written as npm writes them: `^2.1`, `>=2.0 <3`, `1.x || 2.x`.",
    ),
    NOT_PROVIDED: Code(
        "an app requires what nobody provides",
        "Every API and database schema under `requires` is listed under `provides` of some app of the fleet.",
    ),
    TWO_PROVIDERS: Code(
        "two apps of an environment provide the same API or schema",
        "Nobody could know which of the two a consumer reaches, or which one migrates the database. Give one of them "
        "another name, such as `reviews-v2`.",
    ),
    DEPENDS_IN_CIRCLE: Code(
        "apps depend on each other in a circle",
        "`dependsOn` orders the promotions of several apps, so there has to be a first one. APIs may be required in "
        "both directions: write those under `requires` instead.",
    ),
    UNKNOWN_DEPENDENCY: Code("an app depends on one that is not declared", "`dependsOn` names directories of `apps/`."),
    NOT_SATISFIED: Code(
        "no declared version is in a required range",
        "The newest `app.yaml` of the provider has a version that does not fit. A warning only: the gate "
        "`compatibility` judges the releases of each environment.",
    ),
    SCHEMA_NOT_OWN: Code(
        "an app does not work with the schema that it provides",
        "`requires.schemas` of an app has to include the version under its own `provides.schemas`: it runs with it.",
    ),
    BAD_MIGRATION: Code(
        "a migration is badly declared",
        "A migration names a schema under `provides.schemas`, a version that is not later than the one there, and a "
        "Job of the app's templates that no other migration names.",
    ),
    BAD_WINDOW: Code(
        "a window does not say when it is",
        "A window has either `starts` and `duration` (and `repeats`, if it happens again), or a `calendar`. `starts` "
        "is a local time like `2026-01-05T09:00`, without an offset; a window lasts at most 366 days.",
    ),
    BAD_RECURRENCE: Code(
        "a recurrence rule cannot be used",
        "`repeats` is a rule of RFC 5545, section 3.3.10, like `FREQ=WEEKLY;BYDAY=MO,TU`. It repeats daily, weekly, "
        "monthly or yearly, at most 24 times a day, counts to 10,000 at most, and has to match at least once.",
    ),
    UNKNOWN_ZONE: Code(
        "a time zone is not known",
        "Time zones go by their IANA names, like `Europe/Berlin`; abbreviations such as `CEST` mean different things "
        "to different people.",
    ),
    NO_CALENDAR: Code(
        "a calendar is not there",
        "`calendar` is the path of a plain file inside the repository, from its top. Links are not followed, and it "
        "may have 256 KiB.",
    ),
    BAD_CALENDAR: Code(
        "a calendar cannot be used",
        "The file is no iCalendar file (RFC 5545), or holds an event that cannot be understood. Nothing is passed "
        "over: a freeze must not be missing because of a typing error.",
    ),
    WINDOW_NAME: Code("two windows have the same name", "The names of windows tell them apart in plans and messages."),
    UNKNOWN_DISCOVERY: Code(
        "a rule of discovery is about what is not there",
        "`discover.images` has rules for images that the app lists under `images`; `versionOf` names one of them.",
    ),
    BAD_TAG_FORM: Code(
        "the form of tags has no place for the version",
        "`tag` holds `{version}` once; the rest is taken as it is: `v{version}`, `{version}-alpine`.",
    ),
    HOST_NOT_ALLOWED: Code(
        "a registry may not be asked",
        "Fleet asks only hosts that `allowedHosts` in `fleet.yaml` lists, so that no app can make it ask others. A "
        "warning: the app is left out of discovery until the host is listed.",
    ),
    BAD_HOST: Code(
        "an entry of `allowedHosts` is not a host",
        "Entries are `name` or `name:port` (https), or `http://name:port` for plain http. There are no patterns.",
    ),
    GATE_NAME: Code(
        "the name of a gate is taken",
        "Gates of an environment have different names, and none of those that fleet's own gates have (`health`, "
        "`soak`, `approvals`, …): overrides and messages name them.",
    ),
    BAD_URL: Code(
        "a gate's URL cannot be asked",
        "URLs are `https://` (or `http://`, see the guide on policies), hold no user, password or fragment, and their "
        "placeholders `{app}`, `{version}`, `{revision}`, `{source}` and `{environment}` stand behind the host.",
    ),
    GATE_HOST: Code(
        "a gate asks a host that is not allowed",
        "Gates ask only hosts that `allowedHosts` in `fleet.yaml` lists: whoever may write a policy must not be able "
        "to make fleet ask anything in the network that it runs in. Plain HTTP needs an entry like `http://name:port`.",
    ),
    NOT_A_VARIABLE: Code(
        "`tokenFrom` is not the name of an environment variable",
        "It names the variable that holds the token. The token itself must not be in git: change it if it was written "
        "there.",
    ),
    BAD_EXPRESSION: Code(
        "an expression in CEL cannot be used",
        "It is badly formed, too long, or names a variable or function that does not exist here. The guide on policies "
        "lists the variables; the language is described at https://cel.dev.",
    ),
    BAD_QUERY: Code(
        "a metric query cannot be used",
        'Braces of PromQL are doubled, since single ones are placeholders: `up{{job="{app}"}}`.',
    ),
    NO_JOB_PLACE: Code(
        "a verification Job has no place to run",
        "It runs in the environment that the release comes from, in the namespace that the gate's `job` or the app "
        "says.",
    ),
    SCENARIO_UNKNOWN: Code(
        "a policy test names what the fleet does not have",
        "Apps, environments, clusters, gates of one's own and checks in `policies/` are those of the fleet. One with "
        "a typing error would otherwise make a test that tests nothing.",
    ),
    SCENARIO_GATE: Code(
        "a policy test expects something of a gate that cannot be",
        "Gates go by their name, like `soak(staging)`, or by what stands before the brackets. There are those of fleet "
        "itself, and those under `policy.gates` of the environment that the release goes to.",
    ),
    SCENARIO_NAME: Code("two policy tests have the same name", "Reports tell the scenarios of a file apart by name."),
    SCENARIO_WAY: Code(
        "a policy test tells a promotion that cannot be",
        "A promotion comes from the environment before, a hotfix from one further up, and nothing is promoted into the "
        "first environment of a pipeline. What is pinned where the release goes is `before`, in the source `after`.",
    ),
}
