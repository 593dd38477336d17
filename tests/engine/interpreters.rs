//! Interpreters of the base image.

use crate::bed::{Engine, Project};

#[test]
fn a_virtual_environment_of_the_base_stays_visible() {
    let base = Project::new(
        "profile: plain\napt_packages: [python3, python3-venv]\n\
         env: {PATH: \"/opt/venv/bin:$PATH\", VIRTUAL_ENV: /opt/venv}\n\
         commands:\n  - python3 -m venv --without-pip /opt/venv\n  - |\n    cd /opt/venv/lib/python3*/site-packages\n    \
         echo 'ANSWER = 42' > serving_runtime.py\n    mkdir humanize-4.8.0.dist-info\n    \
         printf 'Metadata-Version: 2.1\\nName: humanize\\nVersion: 4.8.0\\n' > humanize-4.8.0.dist-info/METADATA\n    \
         touch humanize-4.8.0.dist-info/RECORD humanize.py\n",
    );
    base.build("engine-base-venv");
    for exec in ["/opt/venv/bin/python", "python"] {
        let spec =
            format!("base_image: company/serving:1\nprofile: plain\npython_exec: {exec}\npackages: [six, humanize]\n");
        let project =
            Project::new(&spec).with(&["--build-context", "company/serving:1=docker-image://engine-base-venv"]);
        project.build("engine-on-venv");
        let line = "python -c 'import serving_runtime as r, six, sys, importlib.metadata as m; \
                    print(r.ANSWER, sys.prefix, m.version(\"humanize\"))'; echo \"[$VIRTUAL_ENV]\"";
        // What the base has is preferred.
        assert_eq!(
            Engine::Main.shell("engine-on-venv", line),
            "42 /root/.venv 4.8.0\n[]\n",
            "{exec}"
        );
    }
}
