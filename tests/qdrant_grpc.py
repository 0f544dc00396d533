"""The gRPC of a stand-in for a Qdrant server: what is read by it, passed on to the stand-in's HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc as transport
from qdrant_client import QdrantClient, grpc
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.grpc.points_service_pb2_grpc import PointsServicer, add_PointsServicer_to_server
from qdrant_client.http.exceptions import UnexpectedResponse

_CODES = {404: transport.StatusCode.NOT_FOUND, 400: transport.StatusCode.INVALID_ARGUMENT}


class GrpcRelay:
    """Listens on a port of its own.

    Parameters
    ----------
    url : str
        Of a stand-in.

    Attributes
    ----------
    port : int
        On which it listens.
    calls : list of str
        The methods that were called.
    refusal : tuple of StatusCode and str, optional
        What every call is answered with.
    """

    def __init__(self, url: str) -> None:
        self.calls: list[str] = []
        self.refusal: tuple[Any, str] | None = None
        self._client = QdrantClient(url=url, check_compatibility=False)
        self._server = transport.server(ThreadPoolExecutor(8))
        add_PointsServicer_to_server(_Points(self, self._client), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()
        self._client.close()


class _Points(PointsServicer):
    def __init__(self, relay: GrpcRelay, client: QdrantClient) -> None:
        self._relay, self._client = relay, client

    def Get(self, request: Any, context: Any) -> Any:
        options = {
            "with_payload": GrpcToRest.convert_with_payload_interface(request.with_payload),
            "with_vectors": GrpcToRest.convert_with_vectors_selector(request.with_vectors),
        }
        ids = [GrpcToRest.convert_point_id(one) for one in request.ids]
        found = self._do("Get", context, lambda: self._client.retrieve(request.collection_name, ids, **options))
        return grpc.GetResponse(result=[RestToGrpc.convert_record(one) for one in found])

    def Scroll(self, request: Any, context: Any) -> Any:
        options = {
            "limit": request.limit,
            "order_by": GrpcToRest.convert_order_by(request.order_by) if request.HasField("order_by") else None,
            "offset": GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None,
            "with_payload": GrpcToRest.convert_with_payload_interface(request.with_payload),
        }
        points, offset = self._do("Scroll", context, lambda: self._client.scroll(request.collection_name, **options))
        following = None if offset is None else RestToGrpc.convert_extended_point_id(offset)
        return grpc.ScrollResponse(
            result=[RestToGrpc.convert_record(one) for one in points], next_page_offset=following
        )

    def Count(self, request: Any, context: Any) -> Any:
        condition = GrpcToRest.convert_filter(request.filter) if request.HasField("filter") else None
        count = self._do(
            "Count", context, lambda: self._client.count(request.collection_name, condition, exact=request.exact)
        )
        return grpc.CountResponse(result=grpc.CountResult(count=count.count))

    def QueryBatch(self, request: Any, context: Any) -> Any:
        queries = [GrpcToRest.convert_query_points(one) for one in request.query_points]
        found = self._do(
            "QueryBatch", context, lambda: self._client.query_batch_points(request.collection_name, queries)
        )
        answers = [[RestToGrpc.convert_scored_point(point) for point in one.points] for one in found]
        return grpc.QueryBatchResponse(result=[grpc.BatchResult(result=points) for points in answers])

    def Facet(self, request: Any, context: Any) -> Any:
        found = self._do(
            "Facet", context, lambda: self._client.facet(request.collection_name, request.key, limit=request.limit)
        )
        return grpc.FacetResponse(hits=[RestToGrpc.convert_facet_value_hit(hit) for hit in found.hits])

    def _do(self, name: str, context: Any, send: Any) -> Any:
        self._relay.calls.append(name)
        if self._relay.refusal:
            context.abort(*self._relay.refusal)
        try:
            return send()
        except UnexpectedResponse as error:
            context.abort(_CODES.get(error.status_code or 0, transport.StatusCode.INTERNAL), error.content.decode())
