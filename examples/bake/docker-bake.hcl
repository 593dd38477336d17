# docker buildx bake: several specs at once. Each is a target; what they have in common is built once.
group "default" {
  targets = ["train", "serve"]
}

target "_shared" {
  context = "."
}

target "train" {
  inherits   = ["_shared"]
  dockerfile = "train.yaml"
  tags       = ["bake-train:dev"]
}

target "serve" {
  inherits   = ["_shared"]
  dockerfile = "serve.yaml"
  tags       = ["bake-serve:dev"]
}
