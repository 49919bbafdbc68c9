"""TensorFlow Serving's PredictionService over a SavedModel, using only its signatures, as TensorFlow Serving does.

The real server is not available as a package, but its messages are. This one does the same with them: it feeds the
inputs that a request names to the tensors that the signature names for them.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import grpc
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_service_pb2_grpc


class _Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, folder):
        with tf.Graph().as_default() as graph:
            self._session = tf.compat.v1.Session(graph=graph)
            self._meta = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(folder))

    def _run(self, signature, feeds):
        outputs = {name: each.name for name, each in signature.outputs.items()}
        given = {signature.inputs[name].name: values for name, values in feeds.items()}
        return self._session.run(outputs, given)

    def Predict(self, request, context):
        signature = self._meta.signature_def[request.model_spec.signature_name or "serving_default"]
        feeds = {name: tf.make_ndarray(each) for name, each in request.inputs.items()}
        given = self._run(signature, feeds)
        return predict_pb2.PredictResponse(outputs={name: tf.make_tensor_proto(each) for name, each in given.items()})

    def Classify(self, request, context):
        signature = self._meta.signature_def[request.model_spec.signature_name]
        assert signature.method_name == "tensorflow/serving/classify"
        examples = [each.SerializeToString() for each in request.input.example_list.examples]
        given = self._run(signature, {"inputs": examples})
        response = classification_pb2.ClassificationResponse()
        for classes, scores in zip(given["classes"], given["scores"], strict=True):
            found = response.result.classifications.add()
            for label, score in zip(classes, scores, strict=True):
                found.classes.add(label=label.decode(), score=score)
        return response


@contextlib.contextmanager
def running(folder):
    """Yields a client."""
    server = grpc.server(ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Service(folder), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    finally:
        server.stop(None)
